"""The proof that the tests can fail: each safety of the service is taken out once, and a test must go red."""
