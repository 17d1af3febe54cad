# Job 1 in the shell: sign in, see who you are, and create a token for a script.
printf '%s\n' "$HUB_PASSWORD" | jhub login "$HUB_URL" --username "$HUB_USERNAME" --password-stdin
jhub whoami
umask 077
jhub token create --note "nightly job" --expires 8h --scope list:users -o name > "$HOME/nightly.token"
