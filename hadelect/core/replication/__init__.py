"""What becomes of the controllee's state: the policy of the replication daemon, pure."""
