"""Operations of the REST API, one file for each noun, as pure values: nothing here sends a request."""
