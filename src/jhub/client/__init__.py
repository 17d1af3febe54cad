"""The two clients. Only this package does network input and output, and only it imports the HTTP library."""
