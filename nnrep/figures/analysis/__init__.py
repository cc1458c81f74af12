"""What figures make of tables of runs: summaries, statistics, selections, labels."""
