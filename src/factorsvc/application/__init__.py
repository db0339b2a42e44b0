"""The use cases: what a replica does, by the rules of the domain and through its ports."""
