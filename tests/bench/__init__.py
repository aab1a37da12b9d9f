"""What script/bench runs: measure kvmweb beside what it is compared with, and print one table."""
