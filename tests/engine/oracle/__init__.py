"""What each feature is by its sentence, asked of the stored rows in SQL: no line shared with the engine's own code."""
