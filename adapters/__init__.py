"""What an adapter is: the contract that training and serving share."""
