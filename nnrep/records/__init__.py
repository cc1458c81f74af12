"""What a run leaves on disk: tables, pictures, arrays."""
