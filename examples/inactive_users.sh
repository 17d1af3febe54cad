# Delete the users who were inactive for a year, on each hub that you are signed in to. Give another time as argument.
jhub context list -o name | while read -r context; do
  jhub user delete --context "$context" --inactive-for "${1:-365d}" --no-admin --if-exists --yes < /dev/null
done
