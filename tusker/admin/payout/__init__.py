"""Pages of the queue, disbursals and bank files."""
