"""factorsvc: stores integers with their prime factors and answers which of them have a given prime factor."""
