"""What many workers, long pools and long studies cost."""
