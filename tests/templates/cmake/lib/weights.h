int weight(int parcels);
