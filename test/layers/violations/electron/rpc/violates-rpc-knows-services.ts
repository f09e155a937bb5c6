import '../services/a/index';
