/* What t_base offers to t_user and t_user2. */
int t_base_add(int a, int b);
int t_base_double(int a);
