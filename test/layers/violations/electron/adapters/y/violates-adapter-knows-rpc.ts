import '../../rpc/violates-rpc-uses-node';
