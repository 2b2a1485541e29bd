"""What is shown: one module and one `.sql` file for each question, and the engine that keeps them up to date."""
