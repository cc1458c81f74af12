"""What pictures of several figures have in common."""
