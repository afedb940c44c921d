using System.Runtime.CompilerServices;
using System.Text;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli;

/// <summary>The certificates of <c>--efs-key</c>, and where their password comes from: a file, the environment, or whoever sits at the terminal. It is no
/// option itself, since everybody on a machine can read command lines.</summary>
internal static class EfsKeyChoice
{
    private const string Variable = "PLATTER_EFS_PASSWORD";

    /// <summary>Bytes of a key file; a certificate with its key takes some 4 KiB.</summary>
    private const int MaxLength = 1 << 20;

    /// <summary>Opens what the options name.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static EfsKeys Open(string path, ParsedArguments arguments)
    {
        if (arguments.Has(GlobalOptions.RawEncrypted))
            throw new UsageException("--efs-key decrypts, --raw-encrypted does not: one of them");
        var pfx = Read(path);
        if (arguments.Text(GlobalOptions.EfsPasswordFile) is { } file)
            return Open(path, pfx, PasswordIn(file));
        if (Environment.GetEnvironmentVariable(Variable) is { } known)
            return Open(path, pfx, known);
        try
        {
            return EfsKeys.Read(pfx, null);
        }
        catch (UnauthorizedAccessException)
        {
            return Open(path, pfx, Ask(path));
        }
        catch (FormatException e)
        {
            throw Unusable(path, e);
        }
    }

    private static EfsKeys Open(string path, byte[] pfx, string password)
    {
        try
        {
            return EfsKeys.Read(pfx, password);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException(ExitCode.Refused, path, e.Message);
        }
        catch (FormatException e)
        {
            throw Unusable(path, e);
        }
    }

    private static CommandException Unusable(string path, FormatException e) => new(ExitCode.Usage, path, e.Message);

    private static byte[] Read(string path)
    {
        try
        {
            // A pipe, too: a shell hands a key over so that never was a file.
            using var file = File.OpenRead(path);
            var bytes = new byte[MaxLength + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length <= MaxLength ? bytes[..length]
                : throw new CommandException(ExitCode.Usage, path, $"is no certificate file (PKCS #12, .pfx): it has more than {MaxLength} bytes");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException(ExitCode.Refused, path, ExitCode.Why(e, path));
        }
    }

    // The first line, as editors end it.
    private static string PasswordIn(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        return reader.ReadLine() ?? "";
    }

    private static string Ask(string path)
    {
        if (!StandardStream.IsTerminal(0) || !StandardStream.IsTerminal(2))
            throw new CommandException(ExitCode.Refused, path, "is protected by a password", $"--efs-password-file names a file that has it, or {Variable} holds it");
        Console.Error.Write($"Password of {SafeText.Show(path)}: ");
        var password = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
                password.Length = Math.Max(0, password.Length - 1);
            else if (!char.IsControl(key.KeyChar))
                password.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return password.ToString();
    }
}
