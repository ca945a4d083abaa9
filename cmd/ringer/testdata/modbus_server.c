/* A server made of libmodbus, with ranges that do not begin at 0: modbus_server HOST. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
	modbus_t *ctx = modbus_new_tcp(argc > 1 ? argv[1] : "127.0.0.1", 502);
	modbus_mapping_t *map = modbus_mapping_new_start_address(0, 37, 300, 10, 160, 260, 1000, 9);
	if (!ctx || !map)
		return 1;
	for (int i = 0; i < 37; i++)
		map->tab_bits[i] = i % 3 == 1;
	for (int i = 0; i < 10; i++)
		map->tab_input_bits[i] = i % 2;
	for (int i = 0; i < 260; i++)
		map->tab_registers[i] = i * 31 + 5;
	for (int i = 0; i < 9; i++)
		map->tab_input_registers[i] = 7000 + i;
	int listener = modbus_tcp_listen(ctx, 8);
	if (listener < 0) {
		fprintf(stderr, "%s\n", modbus_strerror(errno));
		return 1;
	}
	fd_set all;
	FD_ZERO(&all);
	FD_SET(listener, &all);
	int most = listener;
	for (;;) {
		fd_set ready = all;
		if (select(most + 1, &ready, NULL, NULL, NULL) < 0)
			return 1;
		for (int fd = 0; fd <= most; fd++) {
			if (!FD_ISSET(fd, &ready))
				continue;
			if (fd == listener) {
				int c = accept(listener, NULL, NULL);
				if (c < 0)
					continue;
				FD_SET(c, &all);
				most = c > most ? c : most;
				continue;
			}
			uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
			modbus_set_socket(ctx, fd);
			int n = modbus_receive(ctx, query);
			if (n > 0) {
				modbus_reply(ctx, query, n, map);
			} else if (n < 0) {
				close(fd);
				FD_CLR(fd, &all);
			}
		}
	}
}
