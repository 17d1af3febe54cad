"""The two clients. This package alone does network input and output, and alone imports the HTTP library."""
