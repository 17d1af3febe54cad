# Job 2 in the shell: create and list groups, add and remove users. It can run twice.
jhub group create geo --if-not-exists
jhub group add geo ana bo
jhub group remove geo bo
jhub group list
