. /etc/lm-sandbox/bashrc
