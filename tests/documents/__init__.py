"""What the documents say is tried: tables against the code, links against the tree, commands against the service."""
