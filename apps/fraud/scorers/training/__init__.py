"""From a feature matrix to a scorer that can be registered. Pure: files and arrays in, `Trained` out."""
