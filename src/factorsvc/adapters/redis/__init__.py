"""Storage, slots and cluster time on one Redis or Valkey, version 6.2 or newer (design 5 and 7).

All commands go over raw connections, one task at a time: a pool would hide which connection is used, and on that rest
the fence of a claim and the watch of a transaction.
"""
