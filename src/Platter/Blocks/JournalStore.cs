using System.Diagnostics.CodeAnalysis;

namespace Platter.Blocks;

/// <summary>The place beside an image where its journal lies: at most one, under a fixed name.</summary>
public abstract class JournalStore
{
    /// <summary>How messages call it: a path, where it has one.</summary>
    public abstract string Name { get; }

    /// <summary>The journal that is there, or null.</summary>
    public abstract ResizableDevice? Open(bool write);

    /// <summary>Makes a new, empty one in the place of any that is there.</summary>
    public abstract ResizableDevice Create();

    /// <summary>Takes the journal away; nothing happens when there is none.</summary>
    public abstract void Remove();

    /// <summary>Makes creation and removal durable.</summary>
    public abstract void MakeNameDurable();
}

/// <summary>A journal file in the image's own folder: <c>NAME.platter-journal</c>.</summary>
public sealed class HostJournalStore(string imagePath) : JournalStore
{
    /// <summary>What is added to the image's name.</summary>
    public const string Suffix = ".platter-journal";

    public override string Name { get; } = imagePath + Suffix;

    /// <summary>Beside the file itself, so that the journal is found again by whatever symbolic link the image is opened.</summary>
    public static HostJournalStore Beside(string path) => new(HostFile.RealPath(path));

    public override ResizableDevice? Open(bool write) =>
        HostFile.Exists(Name) ? HostFile.Open(Name, write ? FileAccess.ReadWrite : FileAccess.Read) : null;

    public override ResizableDevice Create()
    {
        try
        {
            HostFile.Remove(Name);
            return HostFile.Create(Name, 0);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Refused(e);
        }
    }

    // The image itself may well be writable: what is wrong is its folder.
    private UnauthorizedAccessException Refused(UnauthorizedAccessException e) =>
        new($"no permission to make the journal {Name}, without which an edit would not be safe: the image's folder has to be writable", e);

    public override void Remove() => HostFile.Remove(Name);

    public override void MakeNameDurable() => HostFolder.MakeNamesDurable(Name);
}

/// <summary>A journal in memory, for images in memory.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The journal stands for a file: it stays when its users are through, and memory needs no closing.")]
public sealed class MemoryJournalStore : JournalStore
{
    private ResizableMemoryDevice? _journal;

    public override string Name => "the journal in memory";

    public override ResizableDevice? Open(bool write) => _journal;

    public override ResizableDevice Create() => _journal = new ResizableMemoryDevice(0);

    public override void Remove() => _journal = null;

    public override void MakeNameDurable()
    {
        // Memory has no medium behind it.
    }
}
