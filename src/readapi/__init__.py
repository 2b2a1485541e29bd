"""Questions over HTTP: from endpoint to SQL, nothing between."""
