import '../host/create-host';
