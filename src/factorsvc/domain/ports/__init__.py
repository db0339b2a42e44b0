"""What the application needs of the world, one port a file. Every port has a real adapter and an in-memory one."""
