using System.Diagnostics;
using System.Text;
using Platter.Cli;
using Platter.Cli.Output;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>Runs the command: within this process where that shows all there is to see, else as a process of its own.</summary>
internal static class Cli
{
    /// <summary>What a run left behind.</summary>
    public sealed record Outcome(int Code, byte[] Bytes, string Error)
    {
        public string Output => Encoding.UTF8.GetString(Bytes);

        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The built command: beside the tests, whose project refers to it.</summary>
    public static string Executable => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Platter.Cli.exe" : "Platter.Cli");

    public static Outcome Run(params string[] args)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        var (outText, errorText) = (new TextOut(output), new TextOut(error));
        var code = CommandLine.Run(args, outText, errorText, null);
        outText.Flush();
        errorText.Flush();
        return new Outcome(code, output.ToArray(), Encoding.UTF8.GetString(error.ToArray()));
    }

    /// <summary>Runs and fails the test unless the exit code is 0.</summary>
    public static Outcome Expect(params string[] args)
    {
        var outcome = Run(args);
        if (outcome.Code != 0)
            Assert.Fail($"platter {string.Join(' ', args)} ended with {outcome.Code}: {outcome.Error}");
        return outcome;
    }

    /// <summary>Runs and fails the test unless the exit code is this, with one line on standard error.</summary>
    public static Outcome Fails(int code, params string[] args)
    {
        var outcome = Run(args);
        Assert.True(outcome.Code == code, $"platter {string.Join(' ', args)} ended with {outcome.Code}, not {code}: {outcome.Error}");
        Assert.StartsWith("platter: ", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Error.Count(c => c == '\n'));
        return outcome;
    }

    public static Process Start(string? folder, (string Name, string Value)[] environment, params string[] args)
    {
        // Whoever runs the tests in the background has its children ignore SIGINT, or SIGHUP; env puts that right and becomes the command.
        string[] command = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT,HUP", Executable, .. args] : [Executable, .. args];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static Outcome Spawn(string? folder, byte[] input, (string Name, string Value)[] environment, params string[] args)
    {
        using var process = Start(folder, environment, args);
        using var bytes = new MemoryStream();
        var output = process.StandardOutput.BaseStream.CopyToAsync(bytes);
        var error = process.StandardError.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        output.Wait();
        process.WaitForExit();
        return new Outcome(process.ExitCode, bytes.ToArray(), error.Result);
    }
}
