# Job 3 in the shell: start named servers from a profile, and wait until they are ready.
jhub server start ana/lab bo/lab --profile lean
jhub server list
jhub server stop --yes ana/lab bo/lab
