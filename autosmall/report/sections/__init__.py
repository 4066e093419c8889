"""The facts of each section of the report: numbers and sentences, no HTML."""
