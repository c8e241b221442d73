"""Statements as tables: CSV files and workbooks."""
