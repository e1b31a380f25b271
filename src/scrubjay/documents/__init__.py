"""From a finished set to the documents that players read; one file a document."""
