fetch(__API_URL__);
