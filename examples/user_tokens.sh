# Create the users in a file of names, and write a token for each to tokens.csv, which only you can read.
# After an interruption, run it again: each user gets one token.
jhub user create --if-not-exists -o name - < "$1"
jhub token create - --note "summer school" --expires 30d --file tokens.csv < "$1"
