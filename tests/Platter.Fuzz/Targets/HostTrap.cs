using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Host;

namespace Platter.Fuzz.Targets;

/// <summary>A folder to extract into, in a folder that must stay as it is.</summary>
internal sealed class HostTrap : IDisposable
{
    private const string Secret = "nobody writes here";
    private readonly TempFolder _outer = new();

    /// <param name="prepared">Whether the folder already holds a file, a folder and links that lead out.</param>
    public HostTrap(bool prepared)
    {
        File.WriteAllText(_outer.File("canary"), Secret);
        Directory.CreateDirectory(_outer.File("away"));
        File.WriteAllText(Path.Combine(_outer.File("away"), "canary"), Secret);
        Directory.CreateDirectory(Target);
        if (!prepared)
            return;
        File.WriteAllText(Path.Combine(Target, "there"), "before");
        Directory.CreateDirectory(Path.Combine(Target, "folder"));
        File.CreateSymbolicLink(Path.Combine(Target, "link"), "../away/canary");
        File.CreateSymbolicLink(Path.Combine(Target, "linked"), "../away");
        File.CreateSymbolicLink(Path.Combine(Target, "folder", "up"), "../..");
    }

    public string Target => _outer.File("target");

    public void Extract(TreeSource source, Dice dice)
    {
        var options = new HostSinkOptions { RestoreOwner = dice.OneIn(4) ? null : false, RestoreSpecialFiles = dice.OneIn(4), Names = dice.OneIn(3) ? HostNameRules.Windows : HostNameRules.Unix };
        using var sink = new HostTreeSink(Target, options, portable: dice.OneIn(3));
        var report = TreeCopier.Copy(source, sink, new CopyOptions
        {
            Overwrite = dice.Pick(Enum.GetValues<Overwrite>()), MissingLinks = dice.Pick(Enum.GetValues<MissingLinks>()), CopyRootMetadata = false, ReadAhead = 1 << 20,
        });
        foreach (var problem in report.Problems)
        {
            if (!FuzzTarget.IsLawful(problem.Reason) && problem.Reason is not (SourceFailureException or NameCollisionException or PathTooLongException))
                throw new BrokenPromiseException($"a problem of an entry is of a kind that is expected: {problem.Reason}");
        }
    }

    /// <summary>Fails when anything outside of the target is not as it was.</summary>
    public void CheckNothingEscaped()
    {
        var found = Directory.EnumerateFileSystemEntries(_outer.Path, "*", new EnumerationOptions { AttributesToSkip = 0 })
            .Concat(Directory.EnumerateFileSystemEntries(_outer.File("away"), "*", new EnumerationOptions { AttributesToSkip = 0 }))
            .Select(p => Path.GetRelativePath(_outer.Path, p)).Order(StringComparer.Ordinal);
        var list = string.Join(" ", found);
        if (list != "away away/canary canary target" || File.ReadAllText(_outer.File("canary")) != Secret || File.ReadAllText(Path.Combine(_outer.File("away"), "canary")) != Secret)
            throw new BrokenPromiseException($"nothing leaves the folder: found {list}");
    }

    public void Dispose() => _outer.Dispose();
}
