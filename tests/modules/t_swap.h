int t_swap_level(void);
