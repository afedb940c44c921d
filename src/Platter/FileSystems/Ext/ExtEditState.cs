using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>What the parts of editing share: the volume's structures as they are changed, the free space, the clock; and where an edit begins and ends.</summary>
internal sealed class ExtEditState
{
    // Changed blocks beyond this are written between two edits: the device below keeps them until the commit.
    private const long MaxChangedBytes = 16 << 20;

    private readonly ExtGeometry _geometry;
    private readonly byte[] _superBefore = new byte[ExtSuperblock.Size];
    private readonly TimeProvider _clock;

    public ExtEditState(ExtVolume volume, BlockDevice device, VolumeOptions options)
    {
        Volume = volume;
        Device = device;
        _clock = options.Clock;
        _geometry = volume.Geometry;
        Changes = volume.Blocks.Changes!;
        Super = new ExtSuperState(this, device);
        Descriptors = new ExtDescriptors(this);
        Space = new ExtSpace(this);
        InodeSpace = new ExtInodeSpace(this);
        if (_geometry.Has(ExtRoCompat.Quota))
            Inodes.Quotas = new ExtQuotas(this);
    }

    public ExtVolume Volume { get; }
    public BlockDevice Device { get; }
    public ExtBlockChanges Changes { get; }
    public ExtSuperState Super { get; }
    public ExtDescriptors Descriptors { get; }
    public ExtSpace Space { get; }
    public ExtInodeSpace InodeSpace { get; }
    public ExtOpenDirectories Directories { get; } = new();
    public ExtGeometry Geometry => _geometry;
    public ExtBlocks Blocks => Volume.Blocks;
    public ExtChecksums Checksums => Volume.Checksums;
    public ExtInodeTable Inodes => Volume.Inodes;
    public Timestamp Now => Timestamp.From(_clock.GetUtcNow());

    /// <summary>Bytes changed since the last commit.</summary>
    public long ChangedBytes => Changes.Bytes + Changes.WrittenBytes + (Super.IsChanged ? ExtSuperblock.Size : 0);

    /// <summary>An edit begins.</summary>
    public void Begin()
    {
        Directories.Clear();
        BeginBeside();
    }

    /// <summary>As <see cref="Begin"/>, of an edit that makes an entry and touches nothing else that is there: directories stay open.</summary>
    public void BeginBeside()
    {
        WriteBackLargeChanges();
        Super.Mark();
        _geometry.SuperBytes.CopyTo(_superBefore);
        Changes.Begin();
    }

    /// <summary>The edit is whole.</summary>
    public void Keep()
    {
        Changes.Keep();
        Space.Keep();
        Super.IsChanged = true;
    }

    /// <summary>The edit failed: everything is as it was when it began.</summary>
    public void Undo()
    {
        Directories.Clear();
        Changes.Undo();
        Space.Undo();
        Descriptors.Undo();
        InodeSpace.Undo();
        Inodes.Quotas?.Forget();
        Volume.ReleaseDirectoryBlocks();
        _geometry.RestoreSuper(_superBefore);
    }

    /// <summary>The device went back to the last commit: so does everything that is held of it.</summary>
    public void Forget()
    {
        Directories.Clear();
        Changes.Clear();
        Blocks.Clear();
        Descriptors.Clear();
        Space.Forget();
        InodeSpace.Undo();
        Inodes.Quotas?.Forget();
        Volume.ReleaseDirectoryBlocks();
        var super = new byte[ExtSuperblock.Size];
        Device.Read(ExtSuperblock.Offset, super);
        _geometry.RestoreSuper(super);
        Super.IsChanged = false;
    }

    /// <summary>A block's bytes, to be changed.</summary>
    public byte[] Edit(long block, in ExtStructure structure) => Changes.Edit(Blocks, block, structure);

    /// <summary>As <see cref="Edit"/>, of which only a part is going to be changed: nothing else is kept for going back.</summary>
    public byte[] EditPart(long block, int offset, int length, in ExtStructure structure) => Changes.EditPart(Blocks, block, offset, length, structure);

    /// <summary>Writes what is held to the device; nothing is committed.</summary>
    public void WriteBack()
    {
        Descriptors.SealBitmaps();
        if (Changes.Bytes > 0)
            Changes.WriteBack(Blocks, Space);
    }

    /// <summary>As <see cref="WriteBack"/>, when much is held: for work over the whole volume, between two of its steps.</summary>
    public void WriteBackLargeChanges()
    {
        if (Changes.Bytes > MaxChangedBytes)
            WriteBack();
    }

    /// <summary>Everything so far becomes durable, all at once above a transaction device.</summary>
    public void Commit()
    {
        if (ChangedBytes > 0)
        {
            WriteBack();
            Super.Write();
        }
        Device.Flush();
        Space.Committed();
        Changes.WrittenBytes = 0;
    }
}
