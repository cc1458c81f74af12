"""What moves the chain between quenches, one file each."""
