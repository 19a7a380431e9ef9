"""Labels of parcels: text for a printer, signed so that nobody else's are taken for ours."""
