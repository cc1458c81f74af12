"""What is to be known of the runs of a figure, a sentence each."""
