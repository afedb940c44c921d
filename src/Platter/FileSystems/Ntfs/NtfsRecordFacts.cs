namespace Platter.FileSystems.Ntfs;

/// <summary>What a check has to remember of a record.</summary>
[Flags]
internal enum NtfsFacts : ushort
{
    None = 0,
    InUse = 1,
    Base = 2,
    Directory = 4,

    /// <summary>It cannot be read.</summary>
    Broken = 8,

    /// <summary>An attribute list names it.</summary>
    Owned = 0x10,

    /// <summary>Not all of its attributes could be found, so names may be missing.</summary>
    Partial = 0x20,

    /// <summary>It shares clusters, so nothing is read through them.</summary>
    Shares = 0x40,

    /// <summary>Not all of its index could be read.</summary>
    IndexPartial = 0x80,

    HasReparsePoint = 0x100,
    HasObjectId = 0x200,

    /// <summary>A directory that is known to lead to the root.</summary>
    Reached = 0x400,

    /// <summary>A directory that the walk to the root is passing.</summary>
    Passing = 0x800,
}

/// <summary>Facts of one record: 24 bytes.</summary>
internal struct NtfsRecordFact
{
    /// <summary>The sum of the hashes of its names, less that of the names that directories have for it: 0 when they are the same.</summary>
    public ulong Names;

    /// <summary>A hash of what directories copy: sizes, attributes, reparse tag.</summary>
    public uint Copies;

    /// <summary>Of a directory, its parent; of an extension record, the base record.</summary>
    public uint Link;

    public ushort Sequence;
    public NtfsFacts Flags;

    public readonly bool Is(NtfsFacts flags) => (Flags & flags) == flags;
}

/// <summary>The facts of all records, in pieces that are made when one is needed.</summary>
/// <param name="count">Records that there are.</param>
internal sealed class NtfsRecordFacts(long count)
{
    private const int PieceSize = 4096;

    private readonly NtfsRecordFact[]?[] _pieces = new NtfsRecordFact[]?[(count + PieceSize - 1) / PieceSize];

    public long Count => count;

    public ref NtfsRecordFact this[long number] => ref (_pieces[number / PieceSize] ??= new NtfsRecordFact[PieceSize])[number % PieceSize];

    /// <summary>Whether there is such a record.</summary>
    public bool Has(long number) => number >= 0 && number < count;

    /// <summary>The records with all of some flags, in order.</summary>
    public IEnumerable<long> With(NtfsFacts flags)
    {
        for (var piece = 0; piece < _pieces.Length; piece++)
        {
            for (var i = 0; _pieces[piece] is { } facts && i < PieceSize; i++)
            {
                if (facts[i].Is(flags))
                    yield return (long)piece * PieceSize + i;
            }
        }
    }
}
