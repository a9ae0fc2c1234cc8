"""Eight templates that can be used as they are, in English and German."""
