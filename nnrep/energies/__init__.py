"""Pure functions X -> E and the containers of their parameters."""
