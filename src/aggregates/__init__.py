"""What may happen: state, how events change it, and one pure decision function for each verb."""
