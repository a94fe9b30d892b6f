/* What t_base, t_dup, t_ns and t_slow offer to other modules. */
int t_base_add(int a, int b);
int t_base_double(int a);
int t_bbse_add(int a, int b);
int t_ns_value(void);
int t_slow_value(void);
