"""Bank statements, files of them that wait for a worker, and bank charges."""
