"""Makes `src/client/generated` from the OpenAPI document of both APIs: `make client`."""
