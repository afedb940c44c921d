using Platter.Cli;

return CommandLine.Run(args);
