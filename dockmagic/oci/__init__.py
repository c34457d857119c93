"""Values of the OCI image specification: pure, no file is opened here."""
